import { library } from "@gpt/config/tsup";

// Beside the entries, the script of a worker.
export default library(import.meta.dirname, { entry: { "parquet-worker": "src/node/records/parquet-worker.ts" } });
