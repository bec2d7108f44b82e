import { quote } from "@gpt/tensor";
import type { ConfigFields } from "../folder/config-fields.ts";
import { oneOf } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";

/**
 * Windows in a `config.json`, by the rules of transformers at v5.18.0, src/transformers: masking_utils.py, sliding_window_overlay
 * (a window counts the token itself), and configuration_utils.py, validate_layer_type. Its names of layers are in
 * ALLOWED_ATTN_LAYER_TYPES.
 */
export const windowRules: ConfigRules = { sliding_window: "read", layer_types: "read" };

const [sliding, full] = ["sliding_attention", "full_attention"];

/** What tokens see where every layer sees as much: of a class whose `sliding_window` is null or a number. */
export function readWindow(fields: ConfigFields, fallback: number | undefined): number | undefined {
  if (fields.json("sliding_window") === undefined) return fallback;
  return fields.has("sliding_window") ? fields.count("sliding_window") : undefined;
}

/** What the tokens of each layer see, by `layer_types`, or where there are none by a rule: whether a layer is sliding. */
export function readLayerWindows(
  fields: ConfigFields, layers: number, window: number | undefined, isSliding: (layer: number) => boolean,
): (number | undefined)[] {
  const types = fields.has("layer_types") ? fields.texts("layer_types") : undefined;
  if (types && types.length !== layers) {
    throw fields.error("invalid-file", `layer_types has ${types.length} entries, for ${layers} layers`);
  }
  return Array.from({ length: layers }, (_, layer) => {
    // _LEGACY_LAYER_TYPE_REMAP.
    const type = types?.[layer] === "attention" ? full : types?.[layer];
    if (type !== undefined) oneOf(fields, `layer_types[${layer}]`, type, [sliding, full]);
    if (!(type === undefined ? isSliding(layer) : type === sliding)) return undefined;
    if (window !== undefined) return window;
    throw fields.error("invalid-file", `layer_types[${layer}] is ${quote(sliding)}, without a sliding_window`);
  });
}

/** `layer_types`. */
export function writeLayerTypes(windows: readonly (number | undefined)[]): string[] {
  return windows.map((window) => (window === undefined ? full : sliding));
}
