import type { ConfigFields } from "../folder/config-fields.ts";
import { allRules } from "./config-rules.ts";
import type { ConfigRules } from "./config-rules.ts";
import { readLayerWindows, windowRules, writeLayerTypes } from "./windows.ts";
import { windowOf } from "./obstacles.ts";

/** (C) Qwen2Config and Qwen3Config: a window where use_sliding_window says so, in the layers from max_window_layers on. */
export const qwenWindowRules: ConfigRules = /* @__PURE__ */ allRules(windowRules, { use_sliding_window: "read", max_window_layers: "read" });

const [defaultWindow, defaultFirst] = [4096, 28];

export function readQwenWindows(fields: ConfigFields, layers: number): (number | undefined)[] {
  const first = fields.count("max_window_layers", defaultFirst, 0);
  const isNull = fields.json("sliding_window") === "null";
  const window = fields.flag("use_sliding_window", false) && !isNull ? fields.count("sliding_window", defaultWindow) : undefined;
  return readLayerWindows(fields, layers, window, (layer) => window !== undefined && layer >= first);
}

/** The fields, or what is in their way, as text. */
export function writeQwenWindows(windows: readonly (number | undefined)[]): Record<string, unknown> | string {
  const window = windowOf(windows);
  if (typeof window === "string") return window;
  return {
    use_sliding_window: window !== undefined,
    sliding_window: window ?? null,
    // Of the first layers that have none; layer_types says it of all.
    max_window_layers: window === undefined ? windows.length : windows.findIndex((window) => window !== undefined),
    layer_types: writeLayerTypes(windows),
  };
}
