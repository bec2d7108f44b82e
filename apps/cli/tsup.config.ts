import { program } from "@gpt/config/tsup";

export default program(["src/main.ts"]);
