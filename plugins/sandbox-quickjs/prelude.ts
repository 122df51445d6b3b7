/**
 * Runs inside QuickJS before the code does. It takes the functions that it will need later while they are still the
 * engine's own, and takes away what would make a call depend on more than the code and its arguments: the clock and
 * chance. Its value is the object through which the host calls.
 */
export const PRELUDE = `(function (print) {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply, construct } = Reflect;
  const { slice } = String.prototype;
  const text = String;
  const Failure = Error;

  let state = 0x2545f491;
  Math.random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };

  const Clock = Date;
  const now = () => 0;
  Clock.now = now;
  globalThis.Date = new Proxy(Clock, {
    apply: () => text(new Clock(0)),
    construct: (target, args, self) => construct(target, args.length === 0 ? [0] : args, self),
  });
  Clock.prototype.constructor = globalThis.Date;

  const written = (value) => {
    if (typeof value === "string") return value;
    try {
      if (typeof value === "object" && value !== null && !(value instanceof Failure)) {
        const json = stringify(value);
        if (typeof json === "string") return json;
      }
      return text(value);
    } catch {
      return "(cannot be shown)";
    }
  };
  const log = (...values) => {
    let line = "";
    for (let i = 0; i < values.length; i++) line += (i === 0 ? "" : " ") + written(values[i]);
    print(line + "\\n");
  };
  globalThis.console = { log, info: log, warn: log, error: log, debug: log };

  const place = (error) => {
    const line = /answer\\.js:\\d+(?::\\d+)?/.exec(error.stack);
    return line === null ? "" : " (" + line[0] + ")";
  };
  return {
    call: (f, args) => apply(f, undefined, parse(args)),
    json: (value) => stringify(value),
    kind: (value) => typeof value,
    describe: (error) => {
      let said;
      try {
        said = error instanceof Failure ? text(error) + place(error) : "thrown: " + written(error);
      } catch {
        said = "an error that cannot be shown";
      }
      return apply(slice, said, [0, 2000]);
    },
  };
})`;
