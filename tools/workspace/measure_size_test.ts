import { assert, describe, it } from "vitest";
import { budgetOf, measureSize, renderSizes } from "./measure_size.ts";

const lines = (count: number) => "x;\n".repeat(count);

describe("size", () => {
  it("budgetOf() gives plugins 300 lines, but compute backends and packages 1,500", () => {
    assert.strictEqual(budgetOf("plugins/env-kestrel"), 300);
    assert.strictEqual(budgetOf("plugins/compute-onnx"), 1500);
    assert.strictEqual(budgetOf("packages/core"), 1500);
  });

  it("measureSize() counts tests apart and names long files, and renderSizes() says what is over", () => {
    const size = measureSize({
      folder: "plugins/env-demo",
      manifest: {},
      sources: [
        { path: "noun.ts", text: lines(301) },
        { path: "noun_test.ts", text: lines(400) },
      ],
    });
    assert.deepEqual(size, {
      folder: "plugins/env-demo",
      lines: 301,
      testLines: 400,
      budget: 300,
      longFiles: ["noun.ts (301)"],
    });
    assert.match(renderSizes([size]), /plugins\/env-demo +301 +400 +300 {2}1 over, long: noun\.ts/);
  });
});
