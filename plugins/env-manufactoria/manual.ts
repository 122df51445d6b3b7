/** The manual of the machine, as the policy reads it before every task. */

/** A program that the manual explains; no task asks for it. */
export const EXAMPLE = `START start:
    NEXT sort

PULLER_RB sort:
    [R] sort
    [B] sort
    [EMPTY] check

# The front is now yellow, green, or nothing at all.
PULLER_YG check:
    [EMPTY] end

END end`;

const MANUAL = `You program a tape machine. A tape is a row of symbols, each red (R), blue (B), yellow (Y) or green (G), and may be empty. The machine takes symbols from the front of the tape and adds symbols at its back. A program is a set of named nodes. The machine walks from node to node, beginning at \`start\`; if it comes to \`end\`, the tape is accepted, whatever is left on it. A tape is rejected if the machine is sent to NONE or has not come to the end after visiting 1000 nodes.

# Nodes

A node is a line with its type, its name (letters, digits and _) and a colon directly after the name. Its routes follow, one a line, each indented by four spaces.

- \`START start:\` is where the machine begins. There is exactly one, with one route: \`NEXT name\`.
- \`END end\` is where tapes are accepted. There is exactly one. It has no colon and no routes.
- \`PULLER_RB name:\` looks at the front of the tape. If it is red or blue, the machine takes it off the tape and follows the route \`[R] name\` or \`[B] name\`. If the front is yellow or green, or the tape is empty, it takes nothing and follows \`[EMPTY] name\`.
- \`PULLER_YG name:\` does the same for yellow and green, with the routes \`[Y] name\`, \`[G] name\` and \`[EMPTY] name\`. For red, blue and the empty tape it follows \`[EMPTY]\` and takes nothing.
- \`PAINTER_RED name:\`, \`PAINTER_BLUE name:\`, \`PAINTER_YELLOW name:\` and \`PAINTER_GREEN name:\` add a symbol of that colour at the back of the tape and follow their one route: \`NEXT name\`.

A route leads to the name of a node or to NONE. A route that a puller does not have leads to NONE. To tell an empty tape from one whose front has another colour, send the EMPTY of one kind of puller to a puller of the other kind. Lines that begin with # are comments.

# Example

This program accepts exactly the tapes without yellow and green:

\`\`\`manufactoria
${EXAMPLE}
\`\`\`

# Task
`;

const ANSWER = `Answer with the whole program in a block that begins with \`\`\`manufactoria and ends with \`\`\`. If there are several such blocks, the last one counts.`;

/** The manual, then one criterion, then how to answer. */
export const promptText = (sentence: string): string => `${MANUAL}
Write a program for this task: ${sentence}

${ANSWER}`;
