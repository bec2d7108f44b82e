import { tests } from "@gpt/config/vitest";

export default tests(import.meta.dirname, "playground");
