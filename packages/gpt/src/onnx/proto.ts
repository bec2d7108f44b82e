import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * ONNX's messages as bytes: onnx.proto of ONNX 1.16 (IR version 10, opset 21). Weights are not among them: they are streamed,
 * see `graph-files.ts`.
 */

/** Dtypes of tensors (TensorProto.DataType). */
export const dataTypes = { f32: 1, i8: 3, i64: 7 } as const;
export type DataType = keyof typeof dataTypes;

const irVersion = 10;
export const opset = 21;

/** Attributes of a node: whole numbers are written as INT, `{ float }` as FLOAT. */
export type Attribute = number | string | readonly number[] | { readonly float: number } | { readonly graph: Uint8Array };
export type Attributes = Readonly<Record<string, Attribute>>;

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;

type Field = (writer: BinaryWriter) => void;

const text = (field: number, value: string): Field => (writer) => writer.tag(field, WireType.LengthDelimited).string(value);
const bytes = (field: number, value: Uint8Array): Field => (writer) => writer.tag(field, WireType.LengthDelimited).bytes(value);
const integer = (field: number, value: number): Field => (writer) => writer.tag(field, WireType.Varint).int64(value);
/** Rounded to f32, where a huge number is infinite: the writer refuses what f32 does not hold. */
const float = (field: number, value: number): Field => (writer) => writer.tag(field, WireType.Bit32).float(Math.fround(value));

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

/** What is written before a field of `length` bytes. */
function head(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

function attribute(name: string, value: Attribute): Uint8Array {
  const typed = (type: keyof typeof attributeTypes, ...fields: readonly Field[]): Uint8Array =>
    message(text(1, name), ...fields, integer(20, attributeTypes[type]));
  if (typeof value === "number") return typed("int", integer(3, value));
  if (typeof value === "string") return typed("string", text(4, value));
  if ("float" in value) return typed("float", float(2, value.float));
  if ("graph" in value) return typed("graph", bytes(6, value.graph));
  return typed("ints", ...value.map((item) => integer(8, item)));
}

/** A NodeProto. */
export function node(
  name: string, type: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes,
): Uint8Array {
  return message(
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, type),
    ...Object.entries(attributes).map(([key, value]) => bytes(5, attribute(key, value))),
  );
}

/** A tensor that goes into a graph or comes out of it: axes have a size, or a name where it may be any. */
export interface Value {
  readonly name: string;
  readonly type: DataType | "bool";
  readonly shape: readonly (number | string)[];
}

function valueInfo({ name, type, shape }: Value): Uint8Array {
  const dimensions = shape.map((size) => bytes(1, message(typeof size === "number" ? integer(1, size) : text(2, size))));
  const tensor = message(integer(1, type === "bool" ? 9 : dataTypes[type]), bytes(2, message(...dimensions)));
  return message(text(1, name), bytes(2, message(bytes(1, tensor))));
}

/** What a TensorProto says of a tensor, all but its contents. */
export interface TensorHeader {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
}

/** Where the contents of a tensor lie outside of the model's file. */
export interface ExternalData {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

const entry = (key: string, value: number | string): Uint8Array => message(text(1, key), text(2, String(value)));

/** A TensorProto whose contents are in another file, or, without them, all of it that is written before the contents. */
export function tensor({ name, type, shape }: TensorHeader, data?: ExternalData): Uint8Array {
  const external = data
    ? [...Object.entries({ location: data.file, offset: data.offset, length: data.length })
      .map(([key, value]) => bytes(13, entry(key, value))), integer(14, 1)]
    : [];
  return message(...shape.map((size) => integer(1, size)), integer(2, dataTypes[type]), text(8, name), ...external);
}

/** A GraphProto, all of it but its weights. */
export function graph(
  name: string, nodes: readonly Uint8Array[], inputs: readonly Value[], outputs: readonly Value[],
): Uint8Array {
  return message(
    ...nodes.map((node) => bytes(1, node)),
    text(2, name),
    ...inputs.map((input) => bytes(11, valueInfo(input))),
    ...outputs.map((output) => bytes(12, valueInfo(output))),
  );
}

/** A tensor of a graph: what is said of it, and the number of bytes that follow as its contents, if they do. */
export interface Initializer {
  readonly header: Uint8Array;
  readonly contents: number;
}

/** The bytes before a tensor's contents, in a graph. */
export function initializerHead({ header, contents }: Initializer): Uint8Array {
  const contentsHead = contents > 0 ? head(9, contents) : new Uint8Array();
  const length = header.length + contentsHead.length + contents;
  return join([head(5, length), header, contentsHead]);
}

/** The bytes of a ModelProto before its weights, of which `initializers` bytes follow: the end of its graph. */
export function modelHead(graph: Uint8Array, initializers: number): Uint8Array {
  return join([
    message(
      integer(1, irVersion),
      text(2, "gpt-typescript"),
      bytes(8, message(text(1, ""), integer(2, opset))),
    ),
    head(7, graph.length + initializers),
    graph,
  ]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
