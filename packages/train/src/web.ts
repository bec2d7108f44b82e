export { adapterOnly, wholeModel } from "./run/model-store.ts";
export type { FinalFiles, ModelStore, StoreLoadOptions } from "./run/model-store.ts";
export type { ResumedRun, ResumeOptions } from "./run/resume-run.ts";
export type { ExtraFiles, KeepOptions, RunCheckpointer } from "./run/run-folder.ts";
export { createRun, importRun, listRuns, openRun, removeCheckpoint, removeRun, resumeRun, runDirectory } from "./web/runs.ts";
export type { CreateRunOptions, OpenedRun, StoredRun } from "./web/runs.ts";
export { readRecords } from "./web/read-records.ts";
export type { DataRecord, RecordOptions, TextRecordFormat } from "./records/record-files.ts";
