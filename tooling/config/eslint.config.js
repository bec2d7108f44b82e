import { workspace } from "./eslint.ts";

export default workspace(import.meta.dirname);
