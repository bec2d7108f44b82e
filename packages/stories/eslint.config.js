import { library } from "@gpt/config/eslint";

export default library(import.meta.dirname);
