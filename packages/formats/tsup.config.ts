import { library } from "@gpt/config/tsup";

export default library(import.meta.dirname);
