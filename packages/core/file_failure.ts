/** What the operating system said of a file operation, in words. */
import type { PlatformError } from "effect";

interface Reading {
  readonly expected: string;
  readonly got: string;
  readonly advice: string;
}

const noPermission: Reading = {
  expected: "permission",
  got: "none",
  advice: "change the permissions, or choose another place",
};
const noSpace: Reading = {
  expected: "space on the disk",
  got: "none left",
  advice: "free some, or choose a folder on another disk",
};

/** By the code of the operating system. */
const READINGS: Readonly<Record<string, Reading>> = {
  EACCES: noPermission,
  EPERM: noPermission,
  EDQUOT: noSpace,
  ENOSPC: noSpace,
  EISDIR: { expected: "a file", got: "a folder", advice: "give a file" },
  ELOOP: {
    expected: "a file",
    got: "links that lead back to themselves",
    advice: "correct the links",
  },
  EMFILE: {
    expected: "to open one more file",
    got: "as many as are allowed",
    advice: "allow more (ulimit -n)",
  },
  ENOENT: { expected: "a file or folder", got: "nothing", advice: "correct the path" },
  ENOTDIR: { expected: "a folder", got: "a file", advice: "correct the path" },
  EROFS: {
    expected: "a disk that can be written",
    got: "a read-only one",
    advice: "choose a folder on another disk",
  },
};

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";

/**
 * The text for a failed file operation: what was expected, what came, where, and what to do. The platform's own message
 * names its function and leaves out the reason, such as a full disk.
 */
export const fileFailureText = (error: PlatformError.PlatformError): string => {
  const { reason } = error;
  const code = codeOf(reason.cause);
  const reading = READINGS[code];
  if (reading === undefined) return error.message;
  const place = "pathOrDescriptor" in reason ? reason.pathOrDescriptor : undefined;
  const at = typeof place === "string" ? `, at ${place}` : "";
  return `Expected ${reading.expected}, got ${reading.got} (${code})${at}; ${reading.advice}`;
};
