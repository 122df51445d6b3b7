/** JSON Schemas of the replies that the chat format asks for, for endpoints that can keep to one. */

/** A schema with the name that endpoints want for it. */
export interface ReplySchema {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

const text = { type: "string" };

/** Strict schemas require every property and allow no other. */
const objectOf = (properties: Readonly<Record<string, unknown>>) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const tags = {
  type: "array",
  items: objectOf({
    id: text,
    tag: { type: "string", enum: ["helpful", "harmful", "neutral"] },
  }),
};

/** A reflection on a failure. */
export const REFLECTION: ReplySchema = {
  name: "reflection",
  schema: objectOf({
    reasoning: text,
    error_identification: text,
    root_cause_analysis: text,
    correct_approach: text,
    key_insight: text,
    bullet_tags: tags,
  }),
};

/** Credit for a success. */
export const CREDIT: ReplySchema = {
  name: "credit",
  schema: objectOf({ reasoning: text, bullet_tags: tags }),
};

const kind = (type: string) => ({ type: "string", enum: [type] });
const FORMS = {
  Add: objectOf({ type: kind("ADD"), section: text, content: text }),
  Update: objectOf({ type: kind("UPDATE"), id: text, content: text }),
  Merge: objectOf({ type: kind("MERGE"), ids: { type: "array", items: text }, content: text }),
  Delete: objectOf({ type: kind("DELETE"), id: text }),
};

/** Operations of a curator. */
export const operationsSchema = (operations: ReadonlyArray<keyof typeof FORMS>): ReplySchema => ({
  name: "operations",
  schema: objectOf({
    reasoning: text,
    operations: { type: "array", items: { anyOf: operations.map((name) => FORMS[name]) } },
  }),
});
