/** JSON in the replies of models that were asked for it. Nothing here ever throws. */
import type { Operation, Tag } from "@resd/core";
import { Result } from "effect";

/** A JSON value with how it was come by: the reply as a whole, or dug out of it. */
export interface FoundJson {
  readonly value: unknown;
  readonly whole: boolean;
}

const parseJson = (text: string): Result.Result<unknown, unknown> =>
  Result.try((): unknown => JSON.parse(text));

/** Contents of the fences that open with ```` ```json ````. */
const fenced = function* (text: string): Generator<string> {
  const open = "```json";
  for (let at = text.indexOf(open); at !== -1; at = text.indexOf(open, at)) {
    const from = at + open.length;
    const to = text.indexOf("```", from);
    if (to === -1) return;
    yield text.slice(from, to);
    at = to;
  }
};

/**
 * Spans of balanced braces from left to right. Quoted strings are skipped inside a span only, so a brace in prose, or
 * one that never closes, swallows what follows it.
 */
const balanced = function* (text: string): Generator<string> {
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (quoted) {
      if (letter === "\\") i++;
      else if (letter === '"') quoted = false;
    } else if (letter === "{") {
      if (depth++ === 0) start = i;
    } else if (depth > 0) {
      if (letter === '"') quoted = true;
      else if (letter === "}" && --depth === 0) yield text.slice(start, i + 1);
    }
  }
};

/** The first JSON value of a reply: the whole of it, else a fence, else a span of balanced braces. */
export const findJson = (text: string): FoundJson | undefined => {
  const whole = parseJson(text);
  if (Result.isSuccess(whole)) return { value: whole.success, whole: true };
  for (const part of [fenced, balanced]) {
    for (const candidate of part(text)) {
      const parsed = parseJson(candidate);
      if (Result.isSuccess(parsed)) return { value: parsed.success, whole: false };
    }
  }
  return undefined;
};

/** Whether a JSON value is an object: neither null nor a list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSign = (value: unknown): value is Tag["sign"] =>
  value === "helpful" || value === "harmful" || value === "neutral";

/** The tags in a list such as `[{"id": "calc-00001", "tag": "helpful"}]`; `bullet` is another name of `id`. */
export const readTags = (list: unknown): ReadonlyArray<Tag> =>
  !Array.isArray(list)
    ? []
    : list.flatMap((item: unknown): ReadonlyArray<Tag> => {
        if (!isObject(item)) return [];
        const entry = item["id"] ?? item["bullet"];
        const sign = item["tag"];
        return typeof entry === "string" && isSign(sign) ? [{ entry, sign }] : [];
      });

const ID = String.raw`"(?:id|bullet)"\s*:\s*"(?<entry>[a-z]{2,}-\d{5,})"`;
const SIGN = String.raw`"tag"\s*:\s*"(?<sign>helpful|harmful|neutral)"`;
const ID_FIRST = new RegExp(String.raw`${ID}\s*,\s*${SIGN}`, "g");
const SIGN_FIRST = new RegExp(String.raw`${SIGN}\s*,\s*${ID}`, "g");

const tagsByPattern = (text: string, pattern: RegExp): ReadonlyArray<Tag> =>
  [...text.matchAll(pattern)].flatMap(({ groups }) =>
    isSign(groups?.["sign"]) ? [{ entry: groups["entry"] ?? "", sign: groups["sign"] }] : [],
  );

/**
 * The tags of a reflection. Where its JSON is beyond repair, pairs of id and tag are picked out of the text. Short
 * slugs such as `ph-00004` count, which the released code's pattern misses (trap T20).
 */
export const extractTags = (text: string, found = findJson(text)): ReadonlyArray<Tag> => {
  if (isObject(found?.value)) return readTags(found.value["bullet_tags"]);
  const tags = tagsByPattern(text, ID_FIRST);
  return tags.length > 0 ? tags : tagsByPattern(text, SIGN_FIRST);
};

/** A curator may copy the notation of the playbook, although it is told not to. */
const ENTRY_PREFIX = /^\s*\[[^\]\n]{1,40}\] *helpful *= *\d+ *harmful *= *\d+ *:: */;

/** Longer texts are no lessons: nobody could learn from them what to do, and no prompt would have room for them. */
const LONGEST_LESSON = 4000;

const textAt = (item: Readonly<Record<string, unknown>>, ...keys: ReadonlyArray<string>) => {
  const found = keys.map((key) => item[key]).find((value) => value !== undefined);
  return typeof found === "string" ? found : undefined;
};

const lessonAt = (item: Readonly<Record<string, unknown>>): string | undefined =>
  textAt(item, "content", "text")?.replace(ENTRY_PREFIX, "");

/** A change of entries that are there, or undefined where the item does not say which or into what. */
const readChange = (item: Readonly<Record<string, unknown>>): Operation | undefined => {
  const entry = textAt(item, "id", "bullet_id", "bullet", "entry");
  const text = lessonAt(item);
  const named = item["ids"] ?? item["bullet_ids"] ?? item["entries"];
  switch (item["type"]) {
    case "UPDATE":
      return entry === undefined || text === undefined
        ? undefined
        : { _tag: "Update", entry, text };
    case "DELETE":
      return entry === undefined ? undefined : { _tag: "Delete", entry };
    case "MERGE":
      return text !== undefined &&
        Array.isArray(named) &&
        named.every((id): id is string => typeof id === "string")
        ? { _tag: "Merge", entries: named, text }
        : undefined;
    default:
      return undefined;
  }
};

/**
 * The operations of a curator's reply, or what is wrong with it. An addition that is none spoils the whole reply, as do
 * lessons longer than 4000 characters. UPDATE, MERGE and DELETE are read where they say what they mean; these and other
 * types are passed over where they do not. Whether a run lets them through is its own choice.
 */
export const readOperations = (value: unknown): Result.Result<ReadonlyArray<Operation>, string> => {
  if (!isObject(value)) return Result.fail("Expected a JSON object");
  if (typeof value["reasoning"] !== "string") return Result.fail("Expected a text `reasoning`");
  const list: unknown = value["operations"];
  if (!Array.isArray(list)) return Result.fail("Expected a list `operations`");
  const operations: Array<Operation> = [];
  for (const [i, item] of list.entries()) {
    if (!isObject(item) || typeof item["type"] !== "string") {
      return Result.fail(`Expected an object with a text \`type\`, at operations[${i}]`);
    }
    const { section, content } = item;
    if (item["type"] === "ADD" && (typeof section !== "string" || typeof content !== "string")) {
      return Result.fail(`Expected texts \`section\` and \`content\`, at operations[${i}]`);
    }
    const operation: Operation | undefined =
      item["type"] === "ADD"
        ? { _tag: "Add", section: String(section), text: lessonAt(item) ?? "" }
        : readChange(item);
    if (operation === undefined) continue;
    if ("text" in operation && operation.text.length > LONGEST_LESSON) {
      return Result.fail(
        `Expected a lesson of at most ${LONGEST_LESSON} characters, got ${operation.text.length}, at operations[${i}]`,
      );
    }
    operations.push(operation);
  }
  return Result.succeed(operations);
};
