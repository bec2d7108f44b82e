export { captureActivations } from "./capture.ts";
export { classifierFrom } from "./classifier.ts";
export { copyModel } from "./copy.ts";
export type { CopyOptions } from "./copy.ts";
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
export { describeTraining } from "./describe-training.ts";
export type { TrainingBatch, TrainingDescription, TrainingMemory } from "./describe-training.ts";
export type { RunningMemory } from "./device-shares.ts";
export type { FlatInput, ForwardOptions, InputSequence } from "./forward-input.ts";
export { GPTError } from "./errors.ts";
export type { GPTErrorCode } from "./errors.ts";
export type { GenerationDefaults } from "./generation.ts";
export type { OnNote } from "./folder/notes.ts";
export type { Architecture, ConfigFile, ModelToWrite, ReadableArchitecture, TensorNames } from "./architectures/architecture.ts";
export { architectures } from "./architectures/index.ts";
export { unsupportedArchitectures } from "./architectures/unsupported.ts";
export { gpt2 } from "./architectures/gpt2.ts";
export { gptOss } from "./architectures/gpt-oss.ts";
export { gptOssOriginal } from "./architectures/gpt-oss-original.ts";
export { gptTypescript } from "./architectures/gpt-typescript.ts";
export { llama } from "./architectures/llama.ts";
export { mistral } from "./architectures/mistral.ts";
export { mixtral } from "./architectures/mixtral.ts";
export { openGPT1Release } from "./architectures/gpt1-release.ts";
export { openaiGpt } from "./architectures/openai-gpt.ts";
export { qwen2 } from "./architectures/qwen2.ts";
export { qwen3 } from "./architectures/qwen3.ts";
export { logitLens } from "./logit-lens.ts";
export type { LensLayer, LensOptions } from "./logit-lens.ts";
export { loadModelFrom, openModelFrom, openWeights, planModelFrom, readConfig } from "./folder/load.ts";
export type { LoadOptions, ModelPlan, ReadOptions, StoredModel } from "./folder/load.ts";
export type { MatrixDTypes, MatrixRole } from "./matrix-dtypes.ts";
export type { ReadableWeights, WrittenWeights } from "./model-weights.ts";
export type { ElementDType } from "./folder/model-tensors.ts";
export { modelFiles } from "./folder/save.ts";
/** @internal */
export { isModelFile, matrixDTypesOf } from "./folder/save.ts";
export type { ModelFilesOptions } from "./folder/save.ts";
export { modelCard } from "./model-card.ts";
export type { ModelCardOptions } from "./model-card.ts";
export type { Hook, HookName, Hooks } from "./hooks.ts";
export { GPT, weightBytesOf } from "./model.ts";
export type { GPTInitialization } from "./model.ts";
export { patchActivations } from "./patch.ts";
export type { Patch } from "./patch.ts";
export { preset, presetNames } from "./presets.ts";
export type { PresetName } from "./presets.ts";
export { proposeSplits } from "./propose-splits.ts";
export type { DevicePlan, Devices, NeededDevices, RunningSplit, Split, TrainingSplit } from "./propose-splits.ts";
export { expertLoads, Routing } from "./routing.ts";
/** @internal */
export { routerLossOptionsExpected } from "./routing.ts";
export type { RouterLosses, RouterLossOptions } from "./routing.ts";
export { relativeError } from "./relative-error.ts";
export { rotaryTable } from "./rotary.ts";
export type { Slot, SlotRole } from "./slots.ts";
export { loadWeights } from "./weight-source.ts";
export type { RowRange, WeightSource } from "./weight-source.ts";
/** @internal For what puts a model into one file, and takes it out there. */
export { weightBytes, weightsFromBytes } from "./weight-bytes.ts";
/** @internal */
export type { WeightBytes } from "./weight-bytes.ts";
/** @internal */
export { weightsExpected, weightsToWrite } from "./model-weights.ts";
