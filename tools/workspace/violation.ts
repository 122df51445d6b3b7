/** A rule of the house that something breaks. */
export interface Violation {
  /** A file, with its line where one is meant. */
  readonly where: string;
  /** What was expected, what came, what to do. */
  readonly message: string;
}
