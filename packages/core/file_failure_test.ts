import { PlatformError } from "effect";
import { assert, describe, it } from "vitest";
import { fileFailureText } from "./file_failure.ts";

const failed = (code: string | undefined, pathOrDescriptor: string | number) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method: "writeAll",
    pathOrDescriptor,
    ...(code === undefined ? {} : { cause: Object.assign(new Error(code), { code }) }),
  });

describe("fileFailureText", () => {
  it("fileFailureText() says that the disk is full, where the platform says Unknown", () => {
    assert.strictEqual(
      fileFailureText(failed("ENOSPC", 35)),
      "Expected space on the disk, got none left (ENOSPC); free some, or choose a folder on another disk",
    );
  });

  it("fileFailureText() names the place, when it is a path", () => {
    assert.match(
      fileFailureText(failed("EROFS", "runs/a")),
      /got a read-only one \(EROFS\), at runs\/a; choose/,
    );
  });

  it("fileFailureText() leaves what it does not know to the platform", () => {
    const error = failed(undefined, "a");
    assert.strictEqual(fileFailureText(error), error.message);
  });
});
