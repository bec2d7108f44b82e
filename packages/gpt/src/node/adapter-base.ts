import { readSmallFile } from "@gpt/formats";
import { openFolder } from "@gpt/formats/node";
import { GPTError } from "../errors.ts";
import { ConfigFields } from "../folder/config-fields.ts";
import { configName } from "../folder/config-json.ts";

const adapterName = "adapter_config.json";
const maxBytes = 2 ** 22;

/**
 * The model that a folder's adapter was made for, as a path or a name on the hub; undefined where the folder is not one of an
 * adapter alone. Throws `invalid-file`, and `missing-file` where the adapter does not say.
 */
export async function adapterBaseOf(directory: string): Promise<string | undefined> {
  const folder = openFolder(directory);
  const config = await folder.open(configName);
  await config?.close();
  if (config) return undefined;
  const json = await readSmallFile(folder, adapterName, maxBytes);
  if (!json) return undefined;
  const fields = new ConfigFields(json.bytes, json.path);
  if (fields.has("base_model_name_or_path")) return fields.text("base_model_name_or_path");
  throw new GPTError("missing-file", `${json.path} does not say what the adapter was made for (base_model_name_or_path); load that, and the adapter by loadAdapter`);
}
