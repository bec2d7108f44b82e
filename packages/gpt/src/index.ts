export { captureActivations } from "./capture.ts";
export { KeyValueCache } from "./cache.ts";
export type { CacheOptions } from "./cache.ts";
export type {
  AttentionConfig, BlockConfig, DenseConfig, ExpertsConfig, GatedConfig, GPTConfig, HeadConfig, LinearScaling, Llama3Scaling,
  MLPConfig, NormConfig, RotaryConfig, RotaryScaling, YaRNScaling,
} from "./config.ts";
export { resolveConfig } from "./resolve-config.ts";
export type { GPTOptions } from "./short-form.ts";
export type { ActivationName } from "./activations.ts";
export { describeModel } from "./describe.ts";
export type { ModelDescription, ParameterCounts } from "./describe.ts";
export type { FlatInput, ForwardOptions, InputSequence } from "./forward-input.ts";
export { GPTError } from "./errors.ts";
export type { GPTErrorCode } from "./errors.ts";
export type { GenerationDefaults } from "./generation.ts";
export type { OnNote } from "./folder/notes.ts";
export type { ModelType } from "./architectures/index.ts";
export { loadModelFrom, openWeights, readConfig } from "./folder/load.ts";
export type { LoadOptions } from "./folder/load.ts";
export { modelFiles } from "./folder/save.ts";
export type { ModelFilesOptions } from "./folder/save.ts";
export type { Hook, HookName, Hooks } from "./hooks.ts";
export { GPT } from "./model.ts";
export type { GPTInitialization } from "./model.ts";
export { preset, presetNames } from "./presets.ts";
export type { PresetName } from "./presets.ts";
export { rotaryTable } from "./rotary.ts";
export type { Slot, SlotRole } from "./slots.ts";
export { loadWeights } from "./weight-source.ts";
export type { RowRange, WeightSource } from "./weight-source.ts";
