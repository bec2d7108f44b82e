import { native } from "@gpt/tensor/native";
import { test } from "vitest";
import { describeParity } from "./pytorch.ts";

/** Why it does not start on this machine, if it does not. */
const obstacle = await native().then((backend) => void backend.dispose(), (error: Error) => error.message);

if (obstacle === undefined) describeParity("native", () => native());
else test.skip(`native is not compared here: ${obstacle}`, () => undefined);
