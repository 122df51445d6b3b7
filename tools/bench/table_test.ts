import { assert, describe, it } from "@effect/vitest";
import { measurement, MILLISECONDS } from "./measurement.ts";
import { table } from "./table.ts";

describe("table()", () => {
  it("aligns a line for each measurement under a header, with dashes for a missing peer", () => {
    const common = { unit: MILLISECONDS, threads: 1, ours: [1234.5, 1300] };
    const lines = table([
      measurement({ ...common, name: "with a peer", peerName: "peer", peer: [2469, 2600] }),
      measurement({ ...common, name: "alone", peerName: "peer", peer: undefined }),
    ]).split("\n");
    assert.lengthOf(lines, 3);
    assert.match(lines[0]!, /^benchmark +threads +unit +ours +peer +ratio/);
    assert.match(lines[1]!, /^with a peer +1 +ms +12\d\d +2469 +2\.00x/);
    assert.match(lines[2]!, /^alone +1 +ms +12\d\d +- +-/);
  });

  it("shows memory where it was measured", () => {
    const row = { unit: MILLISECONDS, threads: 1, ours: [1], peer: undefined };
    const [header, line] = table([
      measurement({
        ...row,
        name: "a",
        peerName: "b",
        peakBytes: 3 * 2 ** 20,
        peerPeakBytes: null,
      }),
    ]).split("\n");
    assert.match(header!, /ours \(MiB\) +peer \(MiB\) +peer is$/);
    assert.match(line!, / 3 +- +b$/);
  });
});
