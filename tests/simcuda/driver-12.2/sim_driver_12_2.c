/* Takes the place of the weak default in sim_config.c. */
extern int sim_driver_version_default;
int sim_driver_version_default = 12020;
