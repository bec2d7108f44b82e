import { cpu } from "@gpt/tensor/cpu";
import { describeParity } from "./pytorch.ts";

describeParity("cpu", () => cpu());
