import { workspace } from "@gpt/config/eslint";

// The programs are a user's, in a project of their own.
export default [{ ignores: ["program/*.ts"] }, ...workspace(import.meta.dirname)];
