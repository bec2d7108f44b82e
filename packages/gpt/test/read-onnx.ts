import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/**
 * Fields by their numbers, after onnx.proto (ONNX 1.16), apart from what writes them: `name[]` may come several times, `:Message`
 * is a message, `:text` and `:bytes` are what they say; the others are numbers.
 */
const schema: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Model: { 1: "irVersion", 2: "producer:text", 7: "graph:Graph", 8: "opsets[]:Opset" },
  Opset: { 1: "domain:text", 2: "version" },
  Graph: { 1: "nodes[]:Node", 2: "name:text", 5: "initializers[]:Tensor", 11: "inputs[]:Value", 12: "outputs[]:Value" },
  Node: { 1: "inputs[]:text", 2: "outputs[]:text", 3: "name:text", 4: "type:text", 5: "attributes[]:Attribute" },
  Attribute: { 1: "name:text", 2: "float", 3: "integer", 4: "string:text", 6: "graph:Graph", 8: "integers[]", 20: "type" },
  Tensor: { 1: "shape[]", 2: "type", 8: "name:text", 9: "raw:bytes", 13: "external[]:Entry", 14: "location" },
  Entry: { 1: "key:text", 2: "value:text" },
  Value: { 1: "name:text", 2: "type:Type" },
  Type: { 1: "tensor:TensorType" },
  TensorType: { 1: "element", 2: "shape:Shape" },
  Shape: { 1: "axes[]:Axis" },
  Axis: { 1: "size", 2: "name:text" },
};

interface Tensor {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly raw?: Uint8Array;
  readonly external: readonly { readonly key: string; readonly value: string }[];
}

interface Value {
  readonly name: string;
  readonly type: { readonly tensor: { readonly element: number; readonly shape?: { readonly axes: readonly { readonly size?: number; readonly name?: string }[] } } };
}

export interface ReadGraph {
  readonly nodes: readonly {
    readonly type: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly attributes: readonly {
      readonly name: string;
      readonly float?: number;
      readonly integer?: number;
      readonly integers?: readonly number[];
      readonly graph?: ReadGraph;
    }[];
  }[];
  readonly initializers: readonly Tensor[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

interface ReadModel {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: ReadGraph;
}

/** A model's file. Throws for a field that the table does not have: none is overlooked. */
export function readModel(bytes: Uint8Array): ReadModel {
  return read("Model", bytes) as unknown as ReadModel;
}

function read(message: string, bytes: Uint8Array): Record<string, unknown> {
  const fields = schema[message];
  const lists = Object.values(fields).filter((field) => field.includes("[]"));
  const out: Record<string, unknown> = Object.fromEntries(lists.map((field) => [field.split("[]")[0], []]));
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (!Object.hasOwn(fields, number)) throw new Error(`${message} has a field ${number}`);
    const [, name, list, type] = /^(\w+)(\[\])?(?::(\w+))?$/.exec(fields[number]) as unknown as [string, string, string?, string?];
    const value = readValue(reader, wire, type);
    if (list) (out[name] as unknown[]).push(value);
    else out[name] = value;
  }
  return out;
}

function readValue(reader: BinaryReader, wire: WireType, type: string | undefined): unknown {
  const expected = type !== undefined ? WireType.LengthDelimited : wire === WireType.Bit32 ? wire : WireType.Varint;
  if (wire !== expected) throw new Error(`wire type ${wire} in the place of ${expected}`);
  if (type === "text") return reader.string();
  if (type === undefined) return wire === WireType.Bit32 ? reader.float() : Number(reader.int64());
  return type === "bytes" ? reader.bytes() : read(type, reader.bytes());
}
