/** Functions in WGSL by their names: the names of those that they call, and their source. */
export type Definitions<Name extends string = string> = Readonly<Record<Name, { readonly uses: readonly Name[]; readonly code: string }>>;
