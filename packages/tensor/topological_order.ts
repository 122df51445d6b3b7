import type { Node, Tensor } from "./tensor.ts";

/** All nodes that the tensors need, inputs before users, without those that `isKnown` (and what only those need). */
export const topologicalOrder = (
  tensors: Iterable<Tensor>,
  isKnown: (node: Node) => boolean = () => false,
): ReadonlyArray<Node> => {
  const order: Array<Node> = [];
  const seen = new Set<Node>();
  // An own stack: graphs are deeper than the call stack.
  for (const { node: root } of tensors) {
    const stack: Array<{ readonly node: Node; next: number }> = [];
    const enter = (node: Node): void => {
      if (seen.has(node) || isKnown(node)) return;
      seen.add(node);
      stack.push({ node, next: 0 });
    };
    enter(root);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const following = top.node.inputs[top.next];
      if (following === undefined) {
        order.push(top.node);
        stack.pop();
      } else {
        top.next += 1;
        enter(following.node);
      }
    }
  }
  return order;
};
