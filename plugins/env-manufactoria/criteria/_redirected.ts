/** Programs that differ from a given one in the target of one route. */
import type { Node } from "../language/mod.ts";

/** For every route and every other target among `end`, `NONE` and the pullers that begin a state: the program with it. */
export const redirected = (nodes: ReadonlyArray<Node>): ReadonlyArray<ReadonlyArray<Node>> => {
  const states = nodes.filter(({ type }) => type === "PULLER_RB").map(({ id }) => id);
  const targets = ["end", "NONE", ...states];
  return nodes.flatMap((node, at) => {
    const others = (old: string | undefined) => targets.filter((target) => target !== old);
    if ("next" in node) {
      return others(node.next).map((next) => nodes.with(at, { ...node, next }));
    }
    if (!("routes" in node)) return [];
    return [...node.routes].flatMap(([condition, old]) =>
      others(old).map((target) =>
        nodes.with(at, { ...node, routes: new Map(node.routes).set(condition, target) }),
      ),
    );
  });
};
