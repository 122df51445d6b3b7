/** Finds one's way in a schema by dotted paths: which keys there are, and what a value has to be. */
import { Schema, type SchemaAST } from "effect";

type AST = SchemaAST.AST;

/** Branches of unions, and what recursion stands for. */
const branches = (ast: AST): ReadonlyArray<AST> =>
  ast._tag === "Union"
    ? ast.types.flatMap(branches)
    : ast._tag === "Suspend"
      ? branches(ast.thunk())
      : [ast];

/** The encoded side of a schema: what people write. */
export const writtenSide = (schema: Schema.Top): ReadonlyArray<AST> =>
  branches(Schema.toEncoded(schema).ast);

/** Keys that an object may have here; undefined where any key is welcome, or where no object belongs. */
export const keysOf = (asts: ReadonlyArray<AST>): ReadonlyArray<string> | undefined => {
  const objects = asts.filter((ast) => ast._tag === "Objects");
  if (objects.length === 0 || objects.some((ast) => ast.indexSignatures.length > 0)) {
    return undefined;
  }
  return [
    ...new Set(
      objects.flatMap((ast) => ast.propertySignatures.map((property) => String(property.name))),
    ),
  ];
};

/** What belongs under a key. */
export const under = (asts: ReadonlyArray<AST>, key: string): ReadonlyArray<AST> =>
  asts.flatMap((ast): ReadonlyArray<AST> => {
    if (ast._tag === "Objects") {
      const property = ast.propertySignatures.find((known) => String(known.name) === key);
      return property === undefined
        ? ast.indexSignatures.flatMap((signature) => branches(signature.type))
        : branches(property.type);
    }
    if (ast._tag === "Arrays") {
      const place = ast.elements[Number(key)] ?? ast.rest[0];
      return place === undefined ? [] : branches(place);
    }
    return [];
  });

/** Branches of a tagged union that a value can still mean. */
export const meant = (asts: ReadonlyArray<AST>, value: Readonly<Record<string, unknown>>) => {
  const tag = value["_tag"];
  if (tag === undefined) return asts;
  const fitting = asts.filter((ast) =>
    under([ast], "_tag").some((type) => type._tag === "Literal" && type.literal === tag),
  );
  return fitting.length === 0 ? asts : fitting;
};

/** All dotted paths that lead to a value, through objects only. */
export const allPaths = (asts: ReadonlyArray<AST>, prefix = "", depth = 0): ReadonlyArray<string> =>
  depth > 6
    ? []
    : (keysOf(asts) ?? []).flatMap((key) => {
        const path = prefix === "" ? key : `${prefix}.${key}`;
        return [path, ...allPaths(under(asts, key), path, depth + 1)];
      });

/** A JSON value, or the text itself where it is none. */
const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/**
 * The value that a text on a command line stands for, where the schema says what belongs there: `1e-3` is a number for a
 * number and a text for a text. What fits nothing stays as it reads, for the schema to complain about.
 */
export const valueOf = (text: string, asts: ReadonlyArray<AST>): unknown => {
  if (text === "null") return null;
  const fits = (tag: AST["_tag"]) => asts.some((ast) => ast._tag === tag);
  if (asts.some((ast) => ast._tag === "Literal" && ast.literal === text)) return text;
  const read = jsonOrText(text);
  if (typeof read === "string") return read;
  const textOnly = fits("String") && !fits("Number") && !fits("Boolean") && !fits("Unknown");
  return textOnly && typeof read !== "object" ? text : read;
};
