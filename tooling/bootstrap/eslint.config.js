import { workspace } from "../config/eslint.ts";

export default workspace(import.meta.dirname);
