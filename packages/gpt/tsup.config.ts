import { library } from "@gpt/config/tsup";

// Beside the entries, the script of a worker.
export default library(import.meta.dirname, { entry: { "read-blocks": "src/node/read-blocks.ts" } });
