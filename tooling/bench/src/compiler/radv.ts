/** What RADV, Mesa's driver for AMD's GPUs, says of the shaders that it compiles. */

/** A kernel as the compiler made it. */
export interface CompiledKernel {
  /** The kernel's name. */
  readonly name: string;
  /** Vector registers of a thread. */
  readonly registers: number;
  /** Bytes of memory that a thread needs because its registers do not suffice. */
  readonly scratch: number;
  /** Bytes of a workgroup's memory. */
  readonly memory: number;
  /** How many waves of 32 or 64 threads a SIMD unit has room for: with more, memory is waited for less. */
  readonly waves: number;
  readonly instructions: number;
  /** The block without branches that has most multiply-adds: where a kernel that computes much spends its time. */
  readonly hottest: { readonly instructions: number; readonly multiplyAdds: number };
}

/** The line that announces a kernel, by the label of its program. */
export function announce(label: string): string {
  return `\n=== kernel ${label}\n`;
}

/** Reads what the driver wrote with `RADV_DEBUG=shaders,shaderstats`, each kernel announced before. */
export function parseKernels(text: string): CompiledKernel[] {
  return text
    .split("\n=== kernel ")
    .slice(1)
    .map((part) => {
      const name = part.slice(0, part.indexOf("\n")).split(":")[0];
      const [assembly, statistics] = part.slice(part.indexOf("\ndisasm:\n")).split("*** SHADER STATS ***");
      if (statistics === undefined) throw new Error(`the driver says nothing of ${name}`);
      const statistic = (field: string): number => {
        const found = new RegExp(`^${field}: (\\d+)$`, "m").exec(statistics);
        if (!found) throw new Error(`the driver does not say "${field}" of ${name}`);
        return Number(found[1]);
      };
      return {
        name,
        registers: statistic("VGPRs"),
        scratch: statistic("Scratch size"),
        memory: statistic("LDS size"),
        waves: statistic("Subgroups per SIMD"),
        instructions: statistic("Instructions"),
        hottest: hottestOf(assembly),
      };
    });
}

function hottestOf(assembly: string): CompiledKernel["hottest"] {
  let hottest = { instructions: 0, multiplyAdds: 0 };
  for (const block of assembly.split(/^BB\d+:$/m).slice(1)) {
    const instructions = [...block.matchAll(/^\t([a-z]\w+)/gm)].map(([, instruction]) => instruction);
    const multiplyAdds = instructions.filter((instruction) => /^v_(pk_)?fma/.test(instruction)).length;
    if (multiplyAdds > hottest.multiplyAdds) hottest = { instructions: instructions.length, multiplyAdds };
  }
  return hottest;
}
