import type { Schedule } from "./schedule.ts";

/** The kernels of a graph as text: one a line, or with their WGSL. */
export const printSchedule = (schedule: Schedule, withText: boolean): string => {
  const { name, kernels, values } = schedule;
  const lines = kernels.map(({ label, bindings, workgroups, wgsl }, index) => {
    const bound = bindings.map(
      ({ value, access }) => `${access === "read" ? "" : "→"}%${value} ${values[value]!.label}`,
    );
    const head = `// ${index} ${label}, ${workgroups.join("×")} workgroups: ${bound.join(", ")}`;
    return withText ? `${head}\n${wgsl}` : head;
  });
  const texts = new Set(kernels.map(({ wgsl }) => wgsl)).size;
  return [`// graph ${name}: ${kernels.length} kernels, ${texts} texts`, ...lines, ""].join("\n");
};
