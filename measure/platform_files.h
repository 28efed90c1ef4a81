/*
 * Names of the files of the platform state: between platform.c and platform_create.c.
 */
#ifndef MEASURE_PLATFORM_FILES_H
#define MEASURE_PLATFORM_FILES_H

#define PLATFORM_ROOT_FILE "root.key"
#define PLATFORM_KEY_FILE "attestation.key"
#define PLATFORM_CERTIFICATE_FILE "attestation.pem"
#define PLATFORM_CA_KEY_FILE "ca.key"
#define PLATFORM_CA_FILE "ca.pem"

#define PLATFORM_FOLDER_MODE 0700
#define PLATFORM_FILE_MODE 0600

#endif
