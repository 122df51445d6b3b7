/** Names of models on the hub. */

/** A repository of the hub at a revision. */
export interface ModelName {
  /** `org/model`, or `model` for the few that have no organisation. */
  readonly repository: string;
  /** A branch, a tag, or a commit. */
  readonly revision: string;
}

const PART = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
const NAME = new RegExp(`^((?:${PART}/)?${PART})(?:@([A-Za-z0-9._/-]+))?$`, "u");

/** Reads `org/model` and `org/model@revision`; undefined for what cannot be a name on the hub, such as `./folder`. */
export const parseModelName = (text: string): ModelName | undefined => {
  const match = NAME.exec(text);
  if (match === null) return undefined;
  const [, repository = "", revision = "main"] = match;
  const unsafe = [repository, revision].some(
    (name) => name.includes("..") || name.includes("--") || name.endsWith(".git"),
  );
  return unsafe || revision.startsWith("/") ? undefined : { repository, revision };
};

/** Whether a revision is a commit, which never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/u.test(revision);
