import { workspace } from "@gpt/config/eslint";

export default workspace(import.meta.dirname);
