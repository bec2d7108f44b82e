export { adapterOnly, wholeModel } from "./node/model-store.ts";
export type { ModelStore, StoreLoadOptions } from "./node/model-store.ts";
export { resumeRun } from "./node/resume-run.ts";
export type { ResumedRun, ResumeRunOptions } from "./node/resume-run.ts";
export { createRun } from "./node/run-folder.ts";
export type { CreateRunOptions, ExtraFiles, RunCheckpointer, RunFolderOptions } from "./node/run-folder.ts";
export { readRecords } from "./node/records/read-records.ts";
export type { DataRecord, ReadRecordsOptions, RecordFormat } from "./node/records/read-records.ts";
export { readText } from "./node/text.ts";
export { countTokens, tokenizeFiles } from "./node/text-tokens.ts";
export type { TokenizedText, TokenizeOptions } from "./node/text-tokens.ts";
// Internal: for the command.
export { findFiles } from "./node/records/find-files.ts";
export { Utf8Decoder } from "./node/utf8.ts";
export { openTokenFile } from "./node/token-file.ts";
export type { OpenTokenFileOptions, TokenFile } from "./node/token-file.ts";
