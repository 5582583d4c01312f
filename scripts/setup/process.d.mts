export declare const projectRoot: string;
export declare function refuseLink(folder: string): void;
