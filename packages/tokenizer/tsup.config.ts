import { library } from "@gpt/config/tsup";

// Source maps of the rank tables would double the package.
export default library(import.meta.dirname, { sourcemap: false });
