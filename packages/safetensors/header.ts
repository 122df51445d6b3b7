/**
 * The header of a safetensors file: 8 bytes little-endian length, JSON, then the data without holes.
 *
 * Format: https://github.com/huggingface/safetensors#format
 */
import { Effect, Schema } from "effect";
import { bitsOf, isStoredDType, type StoredDType } from "./dtype.ts";
import { SafetensorsError } from "./safetensors_error.ts";

/** The format's own limit; a larger number is a file of another kind. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Where one tensor lies. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: ReadonlyArray<number>;
  /** Bytes from the start of the data, `end` exclusive. */
  readonly begin: number;
  readonly end: number;
}

/** What a file says of itself before its data. */
export interface Header {
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Free text that writers attach, such as `format: "pt"`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Byte of the file at which the data begins. */
  readonly dataStart: number;
}

const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Entry = Schema.Struct({
  dtype: Schema.String,
  shape: Schema.Array(Natural),
  data_offsets: Schema.Tuple([Natural, Natural]),
});
const Metadata = Schema.Record(Schema.String, Schema.String);
const HeaderJson = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown));

const elements = (shape: ReadonlyArray<number>): number =>
  shape.reduce((product, size) => product * size, 1);

const readEntry = Effect.fnUntraced(function* (
  file: string,
  name: string,
  value: unknown,
): Effect.fn.Return<TensorInfo, SafetensorsError> {
  const refuse = (message: string) =>
    new SafetensorsError({
      file,
      tensor: name,
      message: `${message}, at tensor ${name} of ${file}; fetch the checkpoint again, or convert it`,
    });
  const entry = yield* Schema.decodeUnknownEffect(Entry)(value).pipe(
    Effect.mapError((error) =>
      refuse(`Expected {dtype, shape, data_offsets}, got what does not decode: ${error.message}`),
    ),
  );
  if (!isStoredDType(entry.dtype)) {
    return yield* refuse(`Expected a dtype of the safetensors format, got ${entry.dtype}`);
  }
  const [begin, end] = entry.data_offsets;
  const bytes = Math.ceil((elements(entry.shape) * bitsOf(entry.dtype)) / 8);
  if (end - begin !== bytes) {
    return yield* refuse(
      `Expected ${bytes} bytes for ${entry.dtype} [${entry.shape.join(", ")}], got offsets ${begin}..${end} (${end - begin} bytes)`,
    );
  }
  return { name, dtype: entry.dtype, shape: entry.shape, begin, end };
});

/**
 * Reads the header's JSON and checks that its tensors fill the data exactly: no overlap, no hole, nothing beyond.
 *
 * @param json the header's bytes, without the length before it
 * @param fileBytes size of the whole file
 */
export const parseHeader = Effect.fnUntraced(function* (
  file: string,
  json: Uint8Array,
  fileBytes: number,
): Effect.fn.Return<Header, SafetensorsError> {
  const text = yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(json),
    catch: () =>
      new SafetensorsError({
        file,
        message: `Expected a UTF-8 header, got other bytes, at ${file}; fetch it again`,
      }),
  });
  const raw = yield* Schema.decodeEffect(HeaderJson)(text).pipe(
    Effect.mapError(
      (error) =>
        new SafetensorsError({
          file,
          message: `Expected a JSON object as header, got what does not parse: ${error.message}, at ${file}; is it a safetensors file?`,
        }),
    ),
  );
  const { __metadata__, ...entries } = raw;
  const metadata = yield* Schema.decodeUnknownEffect(Metadata)(__metadata__ ?? {}).pipe(
    Effect.mapError(
      (error) =>
        new SafetensorsError({
          file,
          message: `Expected text values in __metadata__, got what does not decode: ${error.message}, at ${file}; save it anew with text alone`,
        }),
    ),
  );
  const infos = yield* Effect.forEach(Object.entries(entries), ([name, value]) =>
    readEntry(file, name, value),
  );
  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const dataStart = 8 + json.length;
  const available = fileBytes - dataStart;
  let at = 0;
  let previous = "the header";
  for (const info of infos) {
    const refuse = (message: string) => new SafetensorsError({ file, tensor: info.name, message });
    if (info.begin < at) {
      return yield* refuse(
        `Expected tensors that do not overlap, got ${info.name} at ${info.begin}..${info.end} over ${previous} which ends at ${at}, at ${file}; fetch it again`,
      );
    }
    if (info.begin > at) {
      return yield* refuse(
        `Expected data without holes, got ${info.begin - at} unused bytes before ${info.name}, at ${file}; fetch it again`,
      );
    }
    if (info.end > available) {
      return yield* refuse(
        `Expected ${info.end} bytes of data for ${info.name}, got ${available}, at ${file}; the file is truncated, fetch or write it again`,
      );
    }
    at = info.end;
    previous = info.name;
  }
  if (at !== available) {
    return yield* new SafetensorsError({
      file,
      message: `Expected ${at} bytes of data, got ${available}, at ${file}; the file has ${available - at} bytes that no tensor claims`,
    });
  }
  return { tensors: new Map(infos.map((info) => [info.name, info])), metadata, dataStart };
});

/** Number of elements of a shape; 1 for a scalar. */
export const elementsOf = elements;
