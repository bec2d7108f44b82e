import { project } from "@gpt/config/vitest";

export default project("parity", { gpu: true });
