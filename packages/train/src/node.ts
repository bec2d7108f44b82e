export { adapterOnly, wholeModel } from "./run/model-store.ts";
export type { FinalFiles, ModelStore, StoreLoadOptions } from "./run/model-store.ts";
export { createRun, resumeRun } from "./node/run-folder.ts";
export type { CreateRunOptions, ResumeRunOptions, RunFolderOptions } from "./node/run-folder.ts";
export type { ResumedRun } from "./run/resume-run.ts";
export type { ExtraFiles, RunCheckpointer } from "./run/run-folder.ts";
export { readRecords } from "./node/records/read-records.ts";
export type { ReadRecordsOptions, RecordFormat } from "./node/records/read-records.ts";
export type { DataRecord } from "./records/record-files.ts";
export { readText } from "./node/text.ts";
export { countTokens, tokenizeFiles } from "./node/text-tokens.ts";
export type { TokenizedText, TokenizeOptions } from "./node/text-tokens.ts";
// Internal: for the command.
export { findFiles } from "./node/records/find-files.ts";
export { Utf8Decoder } from "./records/utf8.ts";
export { openTokenFile } from "./node/token-file.ts";
export type { OpenTokenFileOptions, TokenFile } from "./node/token-file.ts";
