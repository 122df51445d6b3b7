import { PolicyError } from "@resd/core";
import { Cause, PlatformError } from "effect";
import { assert, describe, it } from "vitest";
import { failureText } from "./failure.ts";

describe("failureText", () => {
  it("failureText() gives the message alone of a failure that was foreseen", () => {
    const error = new PolicyError({ reason: "compute", message: "Expected memory, got none" });
    assert.strictEqual(failureText(Cause.fail(error)), "Expected memory, got none");
  });

  it("failureText() reads what the system says of a file", () => {
    const error = PlatformError.systemError({
      _tag: "Unknown",
      module: "FileSystem",
      method: "makeDirectory",
      pathOrDescriptor: "runs",
      cause: Object.assign(new Error("EACCES"), { code: "EACCES" }),
    });
    assert.match(failureText(Cause.fail(error))!, /^Expected permission, got none .*at runs; /);
  });

  it("failureText() says where a defect happened", () => {
    assert.match(
      failureText(Cause.die(new TypeError("x is undefined")))!,
      /x is undefined\n.*failure_test/s,
    );
  });

  it("failureText() has nothing to say of an interruption", () => {
    assert.isUndefined(failureText(Cause.interrupt(1)));
  });
});
