import { quote } from "@gpt/common";
import { isPlainName } from "../files/output-file.ts";
import { JsonReader } from "../json-reader.ts";

/**
 * The names of the tensors of each shard, by the shard's, of a `model.safetensors.index.json`. Throws `invalid-file`.
 *
 * @example
 * const shards = readShardIndex(bytes, "model.safetensors.index.json");
 */
export function readShardIndex(json: Uint8Array, fileName: string): Map<string, string[]> {
  const reader = new JsonReader(json, fileName);
  let shards: Map<string, string[]> | undefined;
  reader.object((key) => {
    if (key !== "weight_map") return reader.skip();
    shards = readWeightMap(reader);
  });
  reader.end();
  if (!shards) throw reader.error("the index has no weight_map");
  return shards;
}

function readWeightMap(reader: JsonReader): Map<string, string[]> {
  const shards = new Map<string, string[]>();
  reader.object((tensor) => {
    const shard = reader.string();
    if (!isPlainName(shard)) throw reader.error(`the shard ${quote(shard)} is not a plain file name`);
    const names = shards.get(shard);
    if (names) names.push(tensor);
    else shards.set(shard, [tensor]);
  });
  return shards;
}
