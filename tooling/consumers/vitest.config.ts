import { join } from "node:path";
import { tests } from "@gpt/config/vitest";

export default tests(import.meta.dirname, "consumers", { globalSetup: join(import.meta.dirname, "src/pack.ts") });
