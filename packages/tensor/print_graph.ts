import { formatAttributes, type Graph } from "./graph.ts";
import { formatShape } from "./shape.ts";
import type { Attributes, Node, Tensor, TensorType } from "./tensor.ts";

const formatType = ({ dtype, shape }: TensorType): string => `${dtype}${formatShape(shape)}`;

/** Shape and dtype already stand in the type, and data is shown as its length elsewhere. */
const shown = ({ op, attributes }: Node): Attributes =>
  op === "input" || op === "constant" || op === "full"
    ? Object.fromEntries(
        Object.entries(attributes).filter(([key]) => key !== "shape" && key !== "dtype"),
      )
    : attributes;

/** A graph as text, one operation a line: `%3 = matMul(%0, %2) alpha=1 transA=false transB=true : f32[2,8]`. */
export const printGraph = (graph: Graph): string => {
  const numbers = new Map(graph.nodes.map((node, index) => [node, index]));
  const reference = ({ node, index }: Tensor): string => {
    const number = `%${numbers.get(node)}`;
    return node.outputs.length === 1 ? number : `${number}.${index}`;
  };
  const lines = graph.nodes.map((node) => {
    const call = `${node.op}(${node.inputs.map(reference).join(", ")})`;
    const attributes = formatAttributes(shown(node));
    const types = node.outputs.map(formatType).join(", ");
    return `  %${numbers.get(node)} = ${call}${attributes && ` ${attributes}`} : ${types}`;
  });
  const outputs = graph.outputs.map(({ name, tensor }) => `  ${name} = ${reference(tensor)}`);
  return [`graph ${graph.name} ${graph.hash}`, ...lines, "outputs", ...outputs].join("\n");
};
