export declare function inputsHash(filePaths: readonly string[], values?: readonly unknown[]): string;
export declare function isStamped(stampPath: string, hash: string): boolean;
export declare function writeStamp(stampPath: string, hash: string): void;
