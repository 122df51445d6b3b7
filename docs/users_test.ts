import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const page = readFileSync(join(import.meta.dirname, "users.md"), "utf8");
const rows = page.split("\n").filter((line) => /^\| [🟢🟡]/u.test(line));

describe("docs/users.md", () => {
  it("names a test for every harm, each in a file that is there", () => {
    assert.lengthOf(rows, 25);
    for (const row of rows) {
      const files = [...row.matchAll(/`((?:packages|plugins|apps|tools)\/[^`]+\.ts)`/g)];
      assert.isNotEmpty(files, row);
      for (const [, file] of files) assert.isTrue(existsSync(join(ROOT, file!)), file);
    }
  });

  it("names laws that there are", () => {
    for (const [, law, file] of page.matchAll(/laws? `([a-z.-]+)`[^|]*? in `([^`]+)`/g)) {
      assert.include(readFileSync(join(ROOT, file!), "utf8"), `"${law}"`);
    }
  });
});
