/**
 * Lays own properties over an object's own or inherited ones.
 *
 * @returns puts back what was there before
 */
export function shadow(target: object, properties: Readonly<Record<string, Shadow>>): () => void {
  const before = Object.keys(properties).map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, property] of Object.entries(properties)) {
    Object.defineProperty(target, name, "get" in property ? { ...property, configurable: true } : { ...property, ...plain });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(target, name, descriptor);
      else Reflect.deleteProperty(target, name);
    }
  };
}

type Shadow = { readonly get: () => unknown; readonly set?: (value: never) => void } | { readonly value: unknown };

const plain = { configurable: true, writable: true } as const;
