/** What the policy is told before its first turn. */
import { GLOSSARY, TABLES } from "./database/tables.ts";

/** The problem as reflectors and playbooks know it. */
export const problemText = (question: string): string =>
  `A question to the SQLite database of a ferry line: ${question}`;

/** The first message. */
export const taskText = (question: string, glossary: boolean): string =>
  [
    "You answer questions with the SQLite database of a ferry line. Look around in it with run_sql. Then hand in one SELECT statement with answer: its rows are the answer.",
    `These are its tables:\n\n${TABLES.trim()}`,
    ...(glossary ? [`What the house means by its words:\n${GLOSSARY}`] : []),
    "The statement is judged by its rows, here and on a second database with the same tables and other rows. Columns count in the order of the question, whatever their names; the order of rows counts where the question asks for one; numbers count to two decimals. The database can be read and nothing else.",
    `Question: ${question}`,
  ].join("\n\n");
