import { Command } from "commander";
import { benchDecodeCommand } from "./bench/decode.ts";
import { benchMatmulCommand } from "./bench/matmul.ts";
import { benchTokenizeCommand } from "./bench/tokenize.ts";
import { benchTrainCommand } from "./bench/train.ts";

export function benchCommand(): Command {
  const bench = new Command("bench").description("Measure how fast this machine trains, generates and tokenizes");
  for (const command of [benchMatmulCommand(), benchTrainCommand(), benchDecodeCommand(), benchTokenizeCommand()]) {
    bench.addCommand(command);
  }
  return bench;
}
