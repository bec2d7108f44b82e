import { tests } from "./vitest.ts";

export default tests(import.meta.dirname, "config");
